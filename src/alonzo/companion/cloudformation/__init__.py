"""CloudFormation: templates, stacks and change sets, in the place of moto's, which has no updates in place, no rollback and no functions.

A stack is made in a thread of its own, resource after resource (`deployment.py`), each by a provider (`resources/`) that calls the AWS API
of the resource's service as any client would. What has no provider is made by moto's own model of it, if there is one.
"""
