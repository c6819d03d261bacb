# One image for every process: `docker-compose.yml` says which runs. It needs no writable root file system.
FROM python:3.11.15-slim-bookworm AS packages
WORKDIR /build
COPY requirements.lock tools/containers/runtime_lock.py ./
# Wheels only, each by its hash, and none that only development needs; without pip in what is handed on.
RUN python runtime_lock.py < requirements.lock > runtime.lock \
    && python -m venv --without-pip /opt/venv \
    && python -m pip --python /opt/venv/bin/python install --no-cache-dir --no-compile --no-deps --only-binary=:all: \
        --require-hashes --requirement runtime.lock \
    && python -m compileall -q /opt/venv/lib

FROM python:3.11.15-slim-bookworm
# The base image's pip goes: nothing is installed in a container that runs.
RUN python -m pip uninstall --yes --root-user-action=ignore setuptools wheel pip \
    && rm -rf /usr/local/lib/python3.11/ensurepip \
    && groupadd --gid 10001 tenure \
    && useradd --uid 10001 --gid tenure --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tenure \
    && install --directory --owner tenure --group tenure --mode 0700 \
        /keys /keys/intake /keys/retention /keys/review /keys/public
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY . .
RUN python -m compileall -q /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=4194304 \
    MALLOC_TRIM_THRESHOLD_=8388608 \
    TENURE_HOST=0.0.0.0 \
    TENURE_SECRETS=/run/secrets \
    TENURE_POLICY=/app/policy/default.toml \
    TENURE_JWKS_FILE=/run/secrets/jwks.json
USER 10001:10001
ENTRYPOINT ["python", "-m"]
CMD ["tools.containers.migrate"]
