"""What the platforms' own packages say of their wire: paths, parameters, fields and enum values, read out of those packages and nothing else."""


class Entry:
    """One recorded request with its answer, as a line of the record holds it."""

    def __init__(self, line):
        self.method, self.path, self.status = line["method"], line["path"], line["status"]
        self.query = [tuple(pair) for pair in line["query"]]
        self.headers = [name.lower() for name in line["headers"]]
        self.content_type, self.body, self.answer = line["content_type"], line["body"], line["answer"]

    def __str__(self):
        return f"{self.method} {self.path}"
