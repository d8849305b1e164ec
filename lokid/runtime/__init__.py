"""Everything that does I/O towards providers, files and launched servers, on AnyIO.

A request leases an open client from the current *generation*, an immutable value that one assignment
replaces; a reload builds the next one beside it. A retired client closes after its last lease ended.

    core         the facade ``Runtime``: what the server's handlers call
    generation   one loaded configuration and its open clients; leases
    clients      one open client: pool, credentials, models, its launched server; breaker spares a provider
                 that fails again and again
    loading      files -> configuration, with every secret that it names
    reload       configuration -> plan -> open -> swap -> retire, as one transaction
    watch        says when one of those files changed (inotify, else polling); regular opens them
    secrets      .env, systemd credentials, {command: ...}, {file: ...}, {keyring: ...} (os_keyring); which
                 settings are secrets, client_secrets says
    environment  that of the daemon's start, and its ciphertext while lokid is locked; sealing is what stays
                 of the clients meanwhile, freed the memory that held the rest
    vault        the age file; identity is its key, kdf the program behind a passphrase, durable its writes
    stored       what secrets.* of the API does with it; whereabouts tells lokictl where it is
    importing    what import.loki does; unseal is the program that opens Loki's vault
    auth         what auth.* of the API does: login signs in, by loopback or on another device
    tokens       keeps a client's access token fresh; held is what is known of it, token_file where it is
                 kept, token_requests how the server is asked
    identities   credentials of clouds, without a key in the configuration
    refresher    the one task that renews such things ahead of their end
    children     what other programs see of the environment; the one line that some are run for
    launch       servers that lokid starts on the first request; supervise runs them
    listing      the rows of ``models.list``, and asking a provider for its models
    bill         budget, turn and row of a request: turns (limits), spending (budgets), extra_usage (both, of
                 the extra socket), and
    ledger       the rows of all requests: usage_journal takes them at once, usage_rows is the database
    asker        who asks
    local        the client that is there without any configuration
    chat, embed, rerank, call, retry   the path of one call; heavy has the large ones written in threads,
                 redaction shows its request to a person
    http         the door to the network: guard says what may pass, response what comes back, reach why it
                 stays shut, trust whom to believe
    transport    what carries requests through it: lean (our HTTP/1.1 over wire, the sockets) or library
                 (httpx2, for proxies); resolver looks up names
    warm         connections that are there before the question; suspend notices that they are dead
"""
