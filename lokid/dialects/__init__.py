"""The wire formats that more than one provider type speaks.

A dialect turns the neutral vocabulary (``lokid.chat``) into the JSON body of a request and reads the bytes
of an answer back. It knows no URL, no key and no configuration: what differs between models and servers
comes in as ``Traits``. A decoder is fed bytes and asked to ``close`` (``lokid.providers.base.Decoder``).

To add one: a file with an ``encode`` function and its decoders, opening with the address of the
provider's reference; ``untrusted`` has the readers for JSON that a server wrote, ``stream`` the bounds.
"""
