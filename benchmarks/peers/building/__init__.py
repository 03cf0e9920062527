"""What builds input files with other libraries: each is run by the Python of that library's environment.

    python with_LIBRARY.py rows.parquet

The rows have the columns `product` and `review`; of each a chat request is made, 50,000 a file. Nothing of ours is
imported, and of the library what makes its files and no more: no hashing of rows, no cache, no counting of tokens.
"""
