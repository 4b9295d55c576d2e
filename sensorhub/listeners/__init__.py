"""Where uplinks come from: each listener is a `model.UplinkSource`."""
