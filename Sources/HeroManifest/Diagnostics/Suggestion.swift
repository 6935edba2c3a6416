/// Finds a name that is similar to an unknown one.
public enum Suggestion {
    /// Keys of other tools, with the keys of heroproc that have the same meaning.
    private static let keySynonyms: [String: String] = [
        "depends_on": "requires", "dependencies": "requires", "before": "after", "command": "exec", "cmd": "exec",
        "args": "exec", "run": "exec", "entrypoint": "exec", "environment": "env", "environ": "env",
        "working_dir": "cwd", "workdir": "cwd", "working_directory": "cwd",
        "directory": "cwd", "dir": "cwd", "ports": "tcp_ports",
        "port": "tcp_ports", "listen": "tcp_ports", "readiness": "ready", "readiness_probe": "ready",
        "healthcheck": "health", "liveness": "health", "liveness_probe": "health", "shell": "interpreter",
        "restart_policy": "restart", "namespace": "context",
        "desc": "description", "annotations": "labels", "type": "kind", "title": "name", "logging": "log",
        "retries": "retry", "unix_sockets": "sockets", "socket": "unix",
        "url": "http", "signal_name": "signal", "max_tries": "max_attempts", "ulimits": "limits", "tz": "timezone",
        "environment_file": "env_file", "pidfile": "pid_file", "cpus": "cpu", "mem": "memory", "mem_limit": "memory",
        "shared": "reuseport", "share": "reuseport",
        "variables": "vars", "interval_time": "interval", "protected": "protect", "crontab": "cron",
    ]

    /// Values of other tools, with the values of heroproc that have the same meaning.
    private static let valueSynonyms: [String: String] = [
        "running": "start", "started": "start", "up": "start", "enabled": "start", "on": "start", "stopped": "stop",
        "down": "stop", "disabled": "stop", "off": "stop", "unless-stopped": "always", "no": "never",
        "root": "system", "kill": "replace",
    ]

    /// Returns the most similar candidate: a synonym, or one within a few edits; nil if there is none.
    public static func nearest(_ name: String, _ candidates: some Sequence<String>) -> String? {
        let lower = name.lowercased()
        for table in [keySynonyms, valueSynonyms] {
            if let synonym = table[lower], candidates.contains(synonym) { return synonym }
        }
        let bytes = Array(lower.replacing("-", by: "_").utf8)
        guard (1...64).contains(bytes.count) else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let limit = min(best.map { $0.distance - 1 } ?? .max, max(1, min(bytes.count, candidate.utf8.count) / 3))
            guard abs(candidate.utf8.count - bytes.count) <= limit, limit >= 0 else { continue }
            let distance = editDistance(bytes, Array(candidate.lowercased().replacing("-", by: "_").utf8))
            if distance <= limit { best = (candidate, distance) }
        }
        return best?.name
    }

    /// Returns `; did you mean ...?`, or an empty string if no candidate is similar.
    static func didYouMean(_ name: String, _ candidates: some Sequence<String>) -> String {
        nearest(name, candidates).map { "; did you mean `\($0)`?" } ?? ""
    }

    /// Returns the smallest number of characters to insert, remove, replace or swap with a neighbour.
    private static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var before: [Int] = []
        var above = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(above[column] + (letter == other ? 0 : 1), above[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, before[column - 1] + 1)
                }
                current.append(cost)
            }
            before = above
            above = current
        }
        return above[right.count]
    }
}

extension String {
    /// Returns the text with each occurrence of a character replaced by another one.
    fileprivate func replacing(_ character: Character, by other: Character) -> String {
        String(map { $0 == character ? other : $0 })
    }
}
