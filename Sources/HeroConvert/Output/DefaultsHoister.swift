extension ImportState {
    /// Moves values that all actions have in common to the defaults of the settings.
    ///
    /// With fewer than three actions the values stay where a reader looks for them.
    mutating func hoistDefaults() {
        let count = services.reduce(0) { $0 + $1.actions.count }
        guard count >= 3 else { return }
        let paths = [
            "stop.signal", "stop.timeout", "stop.to", "retry.max_attempts", "retry.delay", "retry.factor",
            "retry.max_delay",
            "retry.jitter", "retry.stable_after", "restart", "start_timeout", "cwd", "user", "group", "umask",
            "env_file", "log.max_size", "log.keep", "limits.nofile",
        ]
        for path in paths { hoist(path) }
        hoistEnvironment()
    }

    private mutating func hoist(_ path: String) {
        guard let value = services.first?.actions.first?.keys[path] else { return }
        let isCommon = services.allSatisfy { service in
            service.actions.allSatisfy { $0.keys[path] == value }
        }
        guard isCommon, defaults[path] == nil else { return }
        for service in services.indices {
            for action in services[service].actions.indices { services[service].actions[action].keys[path] = nil }
        }
        defaults[path] = value
    }

    private mutating func hoistEnvironment() {
        guard case .map(let first)? = services.first?.actions.first?.keys["env"] else { return }
        for entry in first.entries {
            guard case .text = entry.value else { continue }
            let isCommon = services.allSatisfy { service in
                service.actions.allSatisfy { action in
                    guard case .map(let map)? = action.keys["env"] else { return false }
                    return map.entries.contains(entry)
                }
            }
            guard isCommon else { continue }
            for service in services.indices {
                for action in services[service].actions.indices {
                    guard case .map(var map)? = services[service].actions[action].keys["env"] else { continue }
                    map.set(nil, of: entry.key)
                    services[service].actions[action].keys["env"] = map.isEmpty ? nil : .map(map)
                }
            }
            var common = ManifestMap()
            if case .map(let present)? = defaults["env"] { common = present }
            common.set(entry.value, of: entry.key)
            defaults["env"] = .map(common)
        }
    }
}
