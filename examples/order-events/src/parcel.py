def handler(event, context):
    print("PARCEL", ", ".join(event["detail"]["items"]))
