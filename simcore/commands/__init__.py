"""The sub-commands of `mmsim`: each file a command or a group of them. They parse, call simcore and print.

Every heavy import is inside the command that needs it. `cli.py` names them; nothing else imports them.
"""
