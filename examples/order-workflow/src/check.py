def handler(order, context):
    return {"accepted": bool(order["items"])}
