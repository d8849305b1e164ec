"""One file per ``type:`` of the configuration, and what they share.

``base`` says what a provider is, ``settings`` what may be configured, ``registry`` which types there are.
To add a type: one file with its settings class and a ``Provider`` value, and one line in ``registry``.
Types never import each other; what several need lives in ``openai_formats``, ``anthropic_formats``,
``keys``, ``paths``, ``catalogue``, ``patches`` and ``cost``; the vendors of ``openai-compatible`` are the
table in ``vendors``. ``oauth_presets`` says where clients with ``auth: oauth`` sign in.
"""
