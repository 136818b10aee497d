"""`python -m alonzo.cli`: the command line of the Python that runs this, wherever it is installed."""

from alonzo.cli.main import main

if __name__ == "__main__":
    main()
