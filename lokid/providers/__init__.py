"""One file per ``type:`` of the configuration, and what they share.

``base`` says what a provider is, ``settings`` what may be configured, ``registry`` which types there are.
To add a type: one file with its settings class and a ``PROVIDER`` value, and one line in ``registry``.
Types never import each other; what several need lives in ``openai_formats``, ``catalogue``, ``patches``
and ``cost``.
"""
