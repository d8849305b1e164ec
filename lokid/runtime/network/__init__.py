"""The door to the network.

http         the door itself: sends a request, with its deadlines, and hands on what comes back
guard        says what may pass; response is what comes back, reach why the door stays shut, trust whom
             to believe
transport    what carries requests: lean (our HTTP/1.1 over wire, the sockets; inlet reads them) or library
             (httpx2, for proxies); resolver looks up names
warm         connections that are there before the question; suspend notices that they are dead
"""
