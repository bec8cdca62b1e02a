# One image for every process of Gatehouse; the command chooses which: serve.py, worker.py, `cli.py migrate`,
# `-m ops.codec_server`. The base is pinned by its tag; pin it by digest too (`docker buildx imagetools inspect`)
# where your registry is reachable.

FROM python:3.13.14-slim-bookworm AS build
COPY deploy/requirements.lock /build/requirements.lock
# Only wheels, each with a hash from the lock: nothing is built here, and nothing unexpected comes in.
RUN python -m venv /opt/gatehouse \
    && /opt/gatehouse/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps \
        --only-binary :all: --requirement /build/requirements.lock \
    && /opt/gatehouse/bin/pip uninstall --yes pip

FROM python:3.13.14-slim-bookworm
RUN groupadd --gid 10001 gatehouse \
    && useradd --uid 10001 --gid gatehouse --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gatehouse
COPY --from=build /opt/gatehouse /opt/gatehouse
ENV PATH=/opt/gatehouse/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GATEHOUSE_DATA_DIR=/tmp/gatehouse
WORKDIR /srv/gatehouse
COPY . .
# Compiled once here, because the containers can't write to this folder.
RUN python -m compileall -q .
ENV PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["python", "serve.py"]
