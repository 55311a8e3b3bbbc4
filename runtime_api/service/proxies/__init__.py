"""From an HTTP request to the event that a function gets, and from its result to an HTTP answer: values, no I/O.

`messages.py` has the two ends, `event_2_0.py` and `result_2_0.py` the format of function URLs, `cors.py` what is
added for web pages, `iam.py` who has signed a request.
"""
