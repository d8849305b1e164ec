"""Where keys come from, and where they are kept.

sources      .env, systemd credentials, {command: ...}, {file: ...}, {keyring: ...} (os_keyring);
             client_secrets says which settings are secrets
environment  that of the daemon's start, and its ciphertext while lokid is locked; sealing is what stays
             of the clients meanwhile, freed the memory that held the rest
vault        the age file; identity is its key, kdf the program behind a passphrase, age the library
stored       what secrets.* of the API does with it; whereabouts tells lokictl where it is
unseal       the program that opens Loki's vault
"""
