"""The side that judges bootstraps: the kit is the Runtime API, scripted and, where a case wants it, faulty.

side.py         runs a case against a bootstrap and turns the result into a judgement
harness.py      the Runtime API and the process of one case    listener.py  its port    requests.py  one request
environment.py  how the bootstrap is started                   processes.py whether it sleeps
private_tmp.py  an empty /tmp for each case                    shared_tmp.py turns, where there is none
script.py       runs the steps of a case                       steps.py     the steps
case_run.py     what the steps share                           calls.py     what can be observed
answers.py      the bytes of an answer                         expect.py    compares observed and expected
"""
