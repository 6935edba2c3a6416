/// Renders services and actions as YAML in the style of the examples.
enum ServiceRenderer {
    private static let serviceOrder = [
        "kind", "name", "description", "tags", "status", "requires", "wants", "after", "conflicts", "essential",
        "start_order",
    ]
    private static let actionOrder = [
        "name", "is_process", "once", "when", "exec", "script", "interpreter", "cwd", "user", "group", "umask",
        "env_file", "env", "folders", "limits", "capabilities", "no_new_privs", "oom_score_adj", "nice", "io_priority",
        "singleton",
        "pid_file", "sockets", "tcp_ports", "ready", "health", "notify_from", "start_timeout", "timeout", "stop",
        "reload", "restart", "retry", "success_exit_codes", "schedule", "run_on", "log",
    ]

    /// Returns the text of a manifest with one service.
    static func text(of service: ImportedService, name: String, references: ManifestMap) -> String {
        var map = ManifestMap()
        map["kind"] = .plain(service.isStandalone ? "Action" : "Service")
        map["name"] = .text(name)
        map["description"] = service.description.map { .text(ImportedText($0)) }
        map["tags"] = service.tags.isEmpty ? nil : .list(service.tags.map { .text(ImportedText($0)) })
        if !service.isStandalone {
            map["status"] = service.status.map { .plain($0) }
            for entry in references.entries { map.set(entry.value, of: entry.key) }
        }
        for entry in service.keys.entries { map.set(entry.value, of: entry.key) }
        if let action = service.actions.last, service.isStandalone || isShort(service) {
            for entry in keys(of: action).entries { map.set(entry.value, of: entry.key) }
            if !service.isStandalone, !action.isProcess { map["is_process"] = .plain("false") }
        } else {
            let items = service.actions.map { action in
                var item = ManifestMap()
                item["name"] = .text(action.name)
                if action.isProcess { item["is_process"] = .plain("true") }
                for entry in keys(of: action).entries { item.set(entry.value, of: entry.key) }
                var sorted = ManifestMap()
                for entry in item.sorted(by: actionOrder) { sorted.set(entry.value, of: entry.key) }
                return ManifestValue.map(sorted)
            }
            map["actions"] = .list(items)
        }
        var writer = YAMLWriter()
        for comment in service.comments { writer.comment(comment) }
        writer.entries(map.sorted(by: serviceOrder + actionOrder.dropFirst() + ["actions"]), indent: 0)
        return writer.text
    }

    /// Whether the service has the short form.
    static func isShort(_ service: ImportedService) -> Bool {
        service.actions.count == 1 && service.actions[0].name == "main"
    }

    private static func keys(of action: ImportedAction) -> ManifestMap {
        var keys = action.keys
        if !action.ports.isEmpty {
            keys["tcp_ports"] = .list(
                action.ports.map { port in
                    let text = port.text.manifestText
                    return text.utf8.allSatisfy { (48...57).contains($0) } ? .plain(text) : .text(text)
                }
            )
        }
        return keys
    }
}
