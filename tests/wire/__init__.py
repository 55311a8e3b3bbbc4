"""The Runtime API and the invoke side over raw sockets: cases as data, played against bootjack and against AWS's RIE.

`cases/*.toml` hold the scripts, expectations written from what real Lambda does; `deviations.toml` holds what RIE
does instead, each difference with its reason and the observation that proves it.
"""
