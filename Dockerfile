# The operator and nothing else: no simulators, no compilers, no Envoy (the gateway runs Envoy's own image).
# Every package is pinned with its hash in requirements/run.txt. Runs as a number, needs nothing writable but /tmp.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY requirements/run.txt requirements/dev.txt requirements/
RUN python -m venv /opt/mlgate \
 && /opt/mlgate/bin/pip install --require-hashes --only-binary=:all: --requirement requirements/run.txt \
 && python -m venv /opt/build \
 && awk '/^[a-z]/ {keep = /^(hatchling|packaging|pathspec|pluggy|trove-classifiers|editables|tomlkit|tomli-w)==/} keep' \
      requirements/dev.txt > requirements/build.txt \
 && /opt/build/bin/pip install --require-hashes --only-binary=:all: --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/mlgate operator/mlgate
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
 && /opt/mlgate/bin/pip install --no-deps /tmp/wheel/*.whl \
 && /opt/mlgate/bin/pip uninstall --yes pip \
 && /opt/mlgate/bin/python -m compileall -q /opt/mlgate/lib

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="mlgate" \
      org.opencontainers.image.description="Machine-learning models on Azure, made safe to call" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/mlgate/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=build /opt/mlgate /opt/mlgate
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080 18000
ENTRYPOINT ["mlgate"]
CMD ["run"]
