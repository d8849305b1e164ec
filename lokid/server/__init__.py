"""The Unix socket: who may connect, what travels, what runs.

endpoint   a socket of this user: lock, systemd's or our own            (standard library only)
life       from the loaded program to its end: signals, systemd, draining
listener   accepts, refuses strangers, starts a session per connection, drains
signals    kept back until life heeds them       (standard library only)
extra_listener   the same for the extra socket, as the configuration says
access     what each of the two sockets lets through
peer       who is at the other end
session    one connection: a reader, a writer, a task per question
reader     what comes in on it, as messages; intake is what large ones may take together
pace       how much of it is done before others get their turn; selector is whose turn it is
calling    what the handler of a question may do besides answering
seldom     lines of the log that others can cause
outbox     what waits to be written to it: bounded, written by one place
requests   what runs now, in the whole daemon
service    what all connections share, and what they ask of the runtime
handlers   HANDLERS: method name -> what answers it; feed is what events.subscribe tells
faults     an exception as the error of a response

To add a method: its shapes in ``lokid.rpc.methods``, a line in ``handlers.HANDLERS``.
"""
