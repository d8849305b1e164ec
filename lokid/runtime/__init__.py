"""Everything that does I/O towards providers, files and launched servers, on AnyIO.

A request leases an open client from the current *generation*, an immutable value that one assignment
replaces; a reload builds the next one beside it. A retired client closes after its last lease ended.

    core         the facade ``Runtime``: what the server's handlers call
    generation   one loaded configuration and its open clients; leases
    clients      one open client: pool, credentials, models, its launched server
    reload       files -> configuration -> plan -> open -> swap -> retire, as one transaction
    watch        says when one of those files changed (inotify, else polling)
    secrets      environment, .env, {command: ...} and {file: ...}
    launch       servers that lokid starts on the first request; supervise runs them
    local        the client that is there without any configuration
    http, retry, call, chat, embed, rerank   the path of one call
"""
