"""Everything that does I/O towards providers, files and launched servers, on AnyIO.

A request leases an open client from the current *generation*, an immutable value that one assignment
replaces; a reload builds the next one beside it. A retired client closes after its last lease ended.

    core         the facade ``Runtime``: what the server's handlers call
    generation   one loaded configuration and its open clients; leases
    clients      one open client: pool, credentials, models, its launched server; breaker spares a provider
                 that fails again and again
    local        the client that is there without any configuration
    loading      files -> configuration, with every secret that it names
    reload       configuration -> plan -> open -> swap -> retire, as one transaction
    watch        says when one of those files changed (inotify, else polling); regular opens, durable writes
    chat, embed, rerank, call, retry   the path of one call; heavy has the large ones written in threads,
                 refusals are answers that are none,
                 redaction shows its request to a person
    listing      the rows of ``models.list``, and asking a provider for its models
    importing    what import.loki does
    extras       how what a part needs beyond lokid is installed
    adding       how a client that is not there is added

    network/     the door to providers, and the connections behind it
    secrets/     where keys come from, the vault, and what a lock leaves of them
    oauth/       signing in, and tokens that stay fresh
    identities/  credentials of clouds, without a key in the configuration
    usage/       the bill: turns, budgets, a row for each request
    launching/   servers and commands that lokid starts
"""
