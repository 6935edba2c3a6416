extension CanonicalSpec {
    /// The values of a spec by path.
    public typealias Values = [ByteText: ByteText]

    /// Returns the values of two specs of one service in comparable form.
    ///
    /// In a service with the only action `main`, the keys that both a service and an action have can be written in
    /// either place. If the two specs write them in different places, they are compared as keys of the service, so that
    /// rewriting the short form of a service into the long one is no change.
    public static func comparableValues(_ before: CanonicalSpec, _ after: CanonicalSpec) -> (
        before: Values, after: Values
    ) {
        var (old, new) = (before.values, after.values)
        guard old["actions"] == "main", new["actions"] == "main" else { return (old, new) }
        for key in sharedKeys {
            let path = ByteText("\(mainPrefix)\(key.name)")
            guard (old[path] == nil) != (new[path] == nil) else { continue }
            moveToService(key, in: &old)
            moveToService(key, in: &new)
        }
        if environmentNames(old) != environmentNames(new), let movedOld = withEnvironmentInService(old),
            let movedNew = withEnvironmentInService(new)
        {
            (old, new) = (movedOld, movedNew)
        }
        return (old, new)
    }

    private static let mainPrefix = "actions.main."
    private static let environmentPrefix = "env."

    /// The keys of a service and of an action, and whether the value of the action overrides that of the service.
    private static let sharedKeys: [(name: String, overrides: Bool)] = [
        ("cwd", true), ("user", true), ("group", true), ("description", false), ("tags", false), ("generation", false),
        ("files", false),
    ]

    private static func moveToService(_ key: (name: String, overrides: Bool), in values: inout Values) {
        let path = ByteText(mainPrefix + key.name)
        guard let value = values[path], key.overrides || values[ByteText(key.name)] == nil else { return }
        values[path] = nil
        values[ByteText(key.name)] = value
    }

    /// The paths of the environment of the action.
    private static func environmentNames(_ values: Values) -> Set<ByteText> {
        Set(values.keys.filter { $0.text == "\(mainPrefix)env_file" || isActionVariable($0.text) })
    }

    private static func isActionVariable(_ path: String) -> Bool {
        path.utf8.starts(with: (mainPrefix + environmentPrefix).utf8)
    }

    /// Moves the environment of the action to the service; nil if that changes which value overrides which.
    private static func withEnvironmentInService(_ values: Values) -> Values? {
        var result = values
        let files: ByteText = "actions.main.env_file"
        if let own = result.removeValue(forKey: files) {
            // Variables of the service are weaker than the files of its action.
            guard !values.keys.contains(where: { $0.text.utf8.starts(with: environmentPrefix.utf8) }) else {
                return nil
            }
            result["env_file"] = result["env_file"].map { ByteText("\($0.text) \(own.text)") } ?? own
        }
        for (path, value) in values where isActionVariable(path.text) {
            result[path] = nil
            result[ByteText(String(path.text.dropFirst(mainPrefix.count)))] = value
        }
        return result
    }
}
