"""Identities of clouds: credentials that the machine has, or whoever is signed in on it.

``credentials``   what a client asks: always live credentials, through the refresher that tokens have too
``google``, ``aws``, ``azure``   where each cloud keeps them, and what needs no SDK
``kit``, ``sdk``   the SDKs (extras), in a program of their own
``metadata``   the metadata servers of clouds
``regions``    the region that a profile of AWS says

To add one: a class with ``files`` and ``obtain`` (``source.Source``), and a case in ``credentials.source``.
"""
