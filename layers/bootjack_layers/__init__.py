"""Layers: archives that become /opt. Usable alone; imports nothing of runtime_api.

```
archive   the one safe extractor          pack      the one packer: the same bytes for the same files
elf       what a binary asks of a system  images    what an image gives: C library, places, architecture
source    a layer as it was given: a .zip or a directory, and what its list says
check     rules.py (the table) and checks/ (a file for each kind of rule) -> findings
merge     what Lambda puts into /opt, and which layer each file came from
build     a stage (directory) that is filled by requirements, bootstrap, interpreter, bytecode; then packed
publish   PublishLayerVersion, unless nothing has changed
```
"""
