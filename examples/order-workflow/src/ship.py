def handler(order, context):
    return {"order": order["id"], "parcels": len(order["items"]), "total": sum(item["price"] for item in order["items"])}
