"""The command line: a module for each verb, found by `root.py`, and what the verbs share.

    options.py          types of options, and the usage error
    option_groups.py    groups of options as typed values: function_options.py, sandbox_options.py, serve_options.py
    verb.py             help pages, and the command behind `--`
    sources.py, targets.py, handlers.py, event.py, variables.py
                        from words on the command line to files and values
    function.py         the functions that LocalLambda runs
    serving.py, signals.py, temporary.py
                        how a command runs and ends

A verb gets its options as frozen dataclasses. Lambda's rules are in `service`; here they are only asked.
"""
