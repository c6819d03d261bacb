# What intake's API, and whoever re-wraps its keys, may do in the transit engine: it neither makes nor ends a key.
path "transit/keys" { capabilities = ["list"] }
path "transit/hmac/tenure-intake-epoch-*" { capabilities = ["update"] }
