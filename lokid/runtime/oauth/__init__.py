"""Signing in, and tokens that stay fresh.

auth         what auth.* of the API does: login signs in, by loopback or on another device
tokens       keeps a client's access token fresh; held is what is known of it, token_file where it is
             kept, token_requests how the server is asked
refresher    the one task that renews what runs out, credentials of clouds too, ahead of its end
"""
