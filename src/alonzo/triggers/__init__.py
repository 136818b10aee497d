"""Services that push: EventBridge's rules and schedules, as far as they are ours. The companion keeps the rules, the node acts on them."""
