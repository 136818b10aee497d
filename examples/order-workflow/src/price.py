PRICES = {"pen": 3, "book": 20, "lamp": 45}


class SupplierBusy(Exception):
    """The workflow tries again."""


def handler(event, context):
    item = event["item"]
    if item["name"] == "lamp" and event["attempt"] == 0:
        raise SupplierBusy("the supplier of lamps never answers at once")
    return {**item, "price": PRICES[item["name"]] * item["count"], "attempts": event["attempt"] + 1}
