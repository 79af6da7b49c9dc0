# The runner image: what the steps of a compiled WorkflowTemplate start, by `command: [validationrun-runner]`.
#
#   docker build -t validationrun-runner:v1 .        (podman and buildah build it too)
#
# It needs no root, no writable file system but /tmp, and nothing of the network but what a run asks for.
# BASE is any image with Python 3.11 or newer; build and run stages share it, so that compiled wheels fit.
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
WORKDIR /src
# `venv` needs `ensurepip`, which Debian's own python3 lacks; where a base has neither, install python3-venv in it.
RUN python3 -m venv /opt/validationrun
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# The locked packages come first: this layer stays as long as the lock does.
COPY requirements/runtime.txt requirements/
RUN /opt/validationrun/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/runtime.txt
# The backend is wanted for the build alone, in a place of its own, by the hashes of the same lock as `make package` has.
COPY requirements/dev.txt requirements/
RUN python3 -m venv /opt/backend && \
    awk '/^[a-zA-Z]/ {wanted = /^(hatchling|packaging|pathspec|pluggy|trove-classifiers)==/} wanted' requirements/dev.txt > backend.txt && \
    /opt/backend/bin/pip install --quiet --require-hashes --no-deps --only-binary :all: -r backend.txt
COPY pyproject.toml README.md LICENSE ./
COPY compiler compiler
COPY templates templates
COPY schemas schemas
RUN /opt/backend/bin/hatchling build -t wheel -d dist && \
    /opt/validationrun/bin/pip install --quiet --no-deps --no-index dist/*.whl && \
    /opt/validationrun/bin/pip uninstall --quiet --yes pip && \
    /opt/validationrun/bin/python -m compileall -q /opt/validationrun/lib
# Every module is imported once: a package that the lock lacks ends the build here, and not a step in a cluster.
RUN /opt/validationrun/bin/python -c 'import importlib, pkgutil, validationrun as product; \
    [importlib.import_module(found.name) for found in pkgutil.walk_packages(product.__path__, "validationrun.") \
     if not found.name.endswith("__main__")]'

FROM ${BASE}
COPY --from=build /opt/validationrun /opt/validationrun
ENV PATH=/opt/validationrun/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
# A number, so that `runAsNonRoot` can tell without a table of users.
USER 8737:8737
WORKDIR /tmp
CMD ["validationrun-runner"]
