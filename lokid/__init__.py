"""lokid: ssh-agent for LLMs. One daemon per user holds the keys, everything else just asks.

daemon      the composition root
server      the Unix socket: listener, sessions, method handlers
runtime     what is open: HTTP, clients, tokens, calls, reload
config      text to configuration, and what changes between two configurations   (pure)
providers   one file per client ``type``                                          (pure)
dialects    wire formats that several providers speak                             (pure)
protocols   public formats that know nothing of LLMs                              (pure)
rpc         MessagePack-RPC, the whole API on one page; lokictl imports only this (pure)
chat        the neutral vocabulary of questions and answers                       (pure)
errors      everything that can go wrong, by who is to blame                      (pure)

Imports only go down this list.
"""

__version__ = "0.1.0"
