def handler(event, context):
    print("INVOICE", event)
