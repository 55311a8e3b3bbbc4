"""Layers: archives that Lambda extracts to /opt. Usable on its own; imports nothing of runtime_api.

```
archive   the safe extractor; zip_directory, zip_plan, zip_links and zip_content are its parts
entries   the files of a directory, as an archive will hold them
pack      the reproducible packer: the same files give the same bytes
elf       what a binary requires of its system    images   what a runtime's image provides: glibc, search paths
source    a layer as the user names it, a .zip or a directory, with the list of its entries
check     rules.py (the table) and checks/ (one file for each group of rules) -> findings
merge     the content of /opt, and which layer each file comes from
build     fills a staging directory: content, requirements, bootstrap, interpreter, bytecode
publish   PublishLayerVersion, unless the newest version has the same content
```
"""
