raise 'no weather at all'
