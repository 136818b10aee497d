"""The Velocity Template Language, as mapping templates use it.

Of Velocity 1.7 all but `#include` and `#parse`, which API Gateway does not have either. Written here since templates are strangers'
code that runs within the node: the libraries there are resolve `$x.__class__` like any attribute, and bound neither time nor memory.
Source: https://velocity.apache.org/engine/1.7/vtl-reference.html
"""
