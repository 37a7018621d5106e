"""What makes manifests of a component's files: the files themselves, Kustomize, Helm."""
