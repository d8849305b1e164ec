"""lokictl: ask lokid from the command line.

__main__    decides: the fast path of ``ask``, or click
options     the options of ``ask``: the one table behind both parsers, and the one without click
asking      one ``ask``, from its parsed command line to the exit status
question    what is asked: words, files and standard input
attach      files and URLs of ``-f``
client      what Python programs use: typed, blocking (docs/python.md); errors are what it raises
link        one connection with one request, resent only while that is safe
subscription  what changes in the daemon, as it happens
packing     the little MessagePack that a question needs
wire        the little MessagePack that an answer needs
autostart   starts lokid when none runs
starting    what would keep one from starting
ending      one that lets its requests finish, told from none
prompts     questions to a person, and what they may answer
fits        whether an answer is what --schema asked for
reply       shows one answer; it and wire are imported while the daemon works on the question
layout      the same, laid out, on a terminal
render      what may reach a terminal, and how
markdown    answers laid out on a terminal while they stream (the only importer of rich)
completion  what TAB is told, without click; grammar asks click for the rest
shell       the code of ``lokictl init``, one file per shell
danger      commands that destroy, as a warning for eyes that skim
units       systemd's user units, with the paths of the user who installs them
tables      aligned on a terminal, tab-separated in a pipe
failure     an error with its exit status
cli         everything else, with click; one file per command in ``commands``

``ask`` imports nothing that costs a millisecond (no click, json, typing, socket): the modules on its
path use ``TYPE_CHECKING = False`` in place of typing's and quotes in place of ``__future__``, and import the
rest where it is needed. A test holds that. A new command is one file in ``commands`` and one line in
``commands.COMMANDS``.
"""
