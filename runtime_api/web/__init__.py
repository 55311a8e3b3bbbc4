"""Floor 4: the edges. Bytes come in, values go through, bytes go out; nothing is decided here.

`http1.py` is a thin HTTP/1.1 server. `runtime.py` speaks the Runtime API to one execution environment, `front.py`
speaks Lambda's Invoke to callers; `replies.py` holds the status codes and the bodies that both answer with.
"""
