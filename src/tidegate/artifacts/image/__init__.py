"""Container images: built by an engine, kept as blobs, pushed to a registry, known by the digest of the manifest.

engine.py        what builds: the command of Docker, or one that answers as it does
saved.py         what the engine saved, taken apart into blobs
manifest.py      the manifest, whose digest is the image's
kind.py          the three together, as a kind of artifact
login.py         who we are at a registry; secrets that hide themselves
remote.py        the HTTP API of a registry
push.py          which tags are set, in which order, and which are left alone
"""
