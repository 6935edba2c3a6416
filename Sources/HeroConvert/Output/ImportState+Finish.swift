internal import HeroManifest
internal import HeroModel

extension ImportState {
    /// Renders the manifests, checks them with the manifest reader, and returns them with the report.
    func finish() throws(ImportError) -> ImportResult {
        var state = self
        guard !state.services.isEmpty else {
            throw ImportError(
                request.files[0].path,
                "there is no service in the files",
                help: "check the format; `heroproc import --help` lists the formats"
            )
        }
        state.claimPorts()
        state.checkCommands()
        state.hoistDefaults()
        let names = state.mapNames()
        let renamed = zip(state.services, names).filter { $0.sourceName != $1 }
            .map { RenamedService(from: $0.sourceName, to: $1) }
        var references = state.resolveDependencies(names)
        let hasCore = names.contains("hero_db")
        // Each round removes what the manifest reader refuses, so that the result is valid in any case.
        for _ in 0..<24 {
            let files = state.render(names, references, hasCore: hasCore)
            let problems = Self.problems(of: files)
            if problems.isEmpty {
                return ImportResult(files: files, report: state.finalReport(renamed, hasCore: hasCore))
            }
            var wasChanged = false
            for problem in problems {
                if state.remove(problem, from: files, names, &references) { wasChanged = true }
            }
            guard wasChanged else { break }
        }
        throw ImportError(
            request.files[0].path,
            "an internal error: the manifests of this import are not valid",
            help: "import the services in several steps, and report the problem"
        )
    }

    private mutating func finalReport(_ renamed: [RenamedService], hasCore: Bool) -> LossReport {
        if !hasCore {
            let place = SourcePlace(file: 0, line: 1, key: "(all)")
            report(
                place,
                .settingsAdded,
                "`settings.yaml` has `required: []`, because the files declare no `hero_db`"
            )
        }
        for variable in variables where variable.value == nil {
            guard let place = variablePlaces[variable.name] else { continue }
            report(
                place,
                .valueMissing,
                "`${\(variable.name)}` has no value in the source; write it in `vars` of `settings.yaml`"
            )
        }
        return report(renamed: renamed)
    }

    // MARK: Names and dependencies

    private func mapNames() -> [String] {
        var mapper = NameMapper()
        return services.map { mapper.unique($0.sourceName) }
    }

    /// Returns the reference keys of each service.
    private mutating func resolveDependencies(_ names: [String]) -> [ManifestMap] {
        var indices: [String: Int] = [:]
        for (index, service) in services.enumerated() where indices[service.sourceName] == nil {
            indices[service.sourceName] = index
        }
        var graph = DependencyGraph(count: services.count)
        var result = Array(repeating: ManifestMap(), count: services.count)
        var count = 0
        var lost: Set<SourcePlace> = []
        var written: Set<SourcePlace> = []
        for index in services.indices {
            var lists: [String: [String]] = [:]
            var requirements: [String: ManifestValue] = [:]
            for dependency in services[index].dependencies.prefix(ImportLimits.services) {
                let key = dependency.kind.rawValue
                count += 1
                guard count <= ImportLimits.dependencies else {
                    if count == ImportLimits.dependencies + 1 {
                        report(
                            dependency.place,
                            .noCounterpart,
                            "not written, as all further ones: too many dependencies"
                        )
                    }
                    continue
                }
                guard !services[index].isStandalone else {
                    report(
                        dependency.place,
                        .outsideReference,
                        "`\(key)` is not written: an action has no dependencies"
                    )
                    continue
                }
                guard let target = indices[dependency.target], !services[target].isStandalone else {
                    report(
                        dependency.place,
                        .outsideReference,
                        "`\(key)` on `\(dependency.target)` is not written: it is not one of the imported services"
                    )
                    lost.insert(dependency.place)
                    continue
                }
                guard target != index, lists[key]?.contains(names[target]) != true else { continue }
                switch dependency.kind {
                case .conflicts: resolveConflict(dependency, index, target)
                case .requires, .wants, .after:
                    guard graph.add(from: index, to: target) else {
                        report(
                            dependency.place,
                            .dependencyCycle,
                            "`\(key)` on `\(dependency.target)` is not written: the services would wait for each other"
                        )
                        continue
                    }
                }
                lists[key, default: []].append(names[target])
                written.insert(dependency.place)
                if dependency.kind == .requires {
                    requirements[names[target]] = Self.requirement(dependency, names[target])
                }
            }
            // A harder dependency includes the softer ones.
            let hard = Set(lists["requires"] ?? [])
            lists["wants"]?.removeAll { hard.contains($0) }
            let soft = hard.union(lists["wants"] ?? [])
            lists["after"]?.removeAll { soft.contains($0) }
            for key in ["requires", "wants", "after", "conflicts"] {
                guard let list = lists[key], !list.isEmpty else { continue }
                result[index][key] = .list(
                    list.map { key == "requires" ? requirements[$0] ?? .text($0) : .text($0) }
                )
            }
        }
        removeDependencyLines(at: lost.subtracting(written))
        return result
    }

    /// An item of `requires`: a map if it need not be up, or is for the start only.
    private static func requirement(_ dependency: ImportedDependency, _ name: String) -> ManifestValue {
        guard dependency.isGateOnly || dependency.until != nil else { return .text(name) }
        var map = ManifestMap()
        map["service"] = .text(name)
        map["until"] = dependency.until.map { .plain($0) }
        if dependency.isGateOnly { map["cascade"] = .plain("false") }
        return .map(map)
    }

    /// Two services in conflict cannot both have `status: start`.
    private mutating func resolveConflict(
        _ dependency: ImportedDependency,
        _ index: Int,
        _ target: Int
    ) {
        guard services[index].status == nil, services[target].status == nil else { return }
        services[index].status = "stop"
        report(
            dependency.place,
            .manualStart,
            "`conflicts` with `\(dependency.target)`; only one of both can be up, so this one has `status: stop`"
        )
    }

    // MARK: Ports and commands

    /// Removes ports that an earlier service declares.
    private mutating func claimPorts() {
        var owners: [String: String] = [:]
        for index in services.indices {
            for action in services[index].actions.indices {
                services[index].actions[action].ports = services[index].actions[action].ports.filter { port in
                    let text = port.text.resolved ?? port.text.manifestText
                    let number = String(text.split(separator: ":").last ?? "")
                    guard let owner = owners[number] else {
                        owners[number] = services[index].sourceName
                        return true
                    }
                    report(
                        port.place,
                        .portTaken,
                        "port \(number) is not declared, because `\(owner)` declares it; two programs cannot bind it"
                    )
                    return false
                }
            }
        }
    }

    /// Reports secrets in commands.
    private mutating func checkCommands() {
        for service in services {
            for action in service.actions {
                let text: String
                if case .list(let words)? = action.keys["exec"] {
                    let texts = words.compactMap { word -> ImportedText? in
                        if case .text(let text) = word { ImportedText(text) } else { nil }
                    }
                    guard let index = Secrets.argument(in: texts) else { continue }
                    text = "argument \(index + 1) of `\(service.sourceName)` contains a secret"
                } else if case .block(let script)? = action.keys["script"] {
                    let words = script.split { $0 == " " || $0 == "\n" || $0 == "\t" }.map { ImportedText(String($0)) }
                    guard Secrets.argument(in: words) != nil else { continue }
                    text = "the script of `\(service.sourceName)` contains a secret"
                } else {
                    continue
                }
                report(service.place, .secretInCommand, "\(text); pass it in a variable with `from_file`")
            }
        }
    }

    // MARK: Rendering and validation

    private func render(_ names: [String], _ references: [ManifestMap], hasCore: Bool) -> [GeneratedFile] {
        var files: [GeneratedFile] = []
        if let text = settingsText(hasCore: hasCore) {
            let name = names.contains("settings") ? "_settings.yaml" : "settings.yaml"
            files.append(GeneratedFile(name: name, text: text))
        }
        for (index, service) in services.enumerated() {
            let text = ServiceRenderer.text(of: service, name: names[index], references: references[index])
            files.append(GeneratedFile(name: names[index] + ".yaml", text: text))
        }
        return files
    }

    private func settingsText(hasCore: Bool) -> String? {
        var map = ManifestMap()
        map["kind"] = .plain("Settings")
        if !hasCore { map["required"] = .list([]) }
        var values = ManifestMap()
        for variable in variables {
            values.set(.text(variable.value ?? ""), of: variable.name)
        }
        if !values.isEmpty { map["vars"] = .map(values) }
        if !defaults.isEmpty { map["defaults"] = .map(defaults) }
        guard map.entries.count > 1 else { return nil }
        var writer = YAMLWriter()
        if variables.contains(where: { $0.value == nil }) {
            writer.comment("Variables without a value in the source: write their values, or pass them with --var.")
        }
        writer.entries(map.entries, indent: 0)
        return writer.text
    }

    private static func problems(of files: [GeneratedFile]) -> [Diagnostic] {
        let inputs = files.map {
            ManifestFile(path: $0.name, baseDirectory: "/srv/import/services.d", bytes: Array($0.text.utf8))
        }
        let environment = ["HOME": "/root", "USER": "root", "XDG_RUNTIME_DIR": "/run/user/0"]
        let options = ManifestOptions(requiresCore: false, environment: environment)
        let result = Manifests.read(inputs, options: options)
        return result.diagnostics.filter { $0.severity == .error }
    }

    /// Removes the key or the service that the manifest reader refuses; returns whether something was removed.
    private mutating func remove(
        _ problem: Diagnostic,
        from files: [GeneratedFile],
        _ names: [String],
        _ references: inout [ManifestMap]
    ) -> Bool {
        guard let location = problem.location, let file = files.firstIndex(where: { $0.name == location.file }) else {
            return false
        }
        let key = Self.topLevelKey(of: files[file].text, line: location.line)
        let first = files.count - names.count
        guard file >= first else {
            guard let key, key == "defaults" || key == "vars" else { return false }
            return removeFromSettings(key, problem)
        }
        let index = file - first
        guard services[index].place.line > 0 else { return false }
        let place = services[index].place
        let message = "\(problem.message) [\(problem.code)]"
        if let key, references[index][key] != nil {
            references[index][key] = nil
            report(place, .invalidValue, "`\(key)` is not written: \(message)")
            return true
        }
        let removable = !["kind", "name", "exec", "script", "actions", "is_process"].contains(key ?? "kind")
        if let key, removable, removeKey(key, fromServiceAt: index) {
            report(place, .invalidValue, "`\(key)` is not written: \(message)")
            return true
        }
        let placeholder = ManifestValue.list([.text("false")])
        guard services[index].actions.last?.keys["exec"] != placeholder else { return false }
        report(place, .invalidValue, "the program of `\(services[index].sourceName)` is not written: \(message)")
        var action = ImportedAction()
        action.keys["exec"] = placeholder
        services[index].actions = [action]
        services[index].keys = ManifestMap()
        services[index].status = services[index].isStandalone ? nil : "spec"
        if services[index].isStandalone { services[index].actions[0].isProcess = false }
        return true
    }

    private mutating func removeKey(_ key: String, fromServiceAt index: Int) -> Bool {
        var wasPresent = false
        if services[index].keys[key] != nil {
            services[index].keys[key] = nil
            wasPresent = true
        }
        switch key {
        case "description" where services[index].description != nil:
            services[index].description = nil
            wasPresent = true
        case "tags" where !services[index].tags.isEmpty:
            services[index].tags = []
            wasPresent = true
        default: break
        }
        for action in services[index].actions.indices {
            if services[index].actions[action].keys[key] != nil {
                services[index].actions[action].keys[key] = nil
                wasPresent = true
            }
            if key == "tcp_ports", !services[index].actions[action].ports.isEmpty {
                services[index].actions[action].ports = []
                wasPresent = true
            }
        }
        return wasPresent
    }

    private mutating func removeFromSettings(_ key: String, _ problem: Diagnostic) -> Bool {
        guard key == "defaults", !defaults.isEmpty else { return false }
        defaults = ManifestMap()
        let place = SourcePlace(file: 0, line: 1, key: "(all)")
        report(place, .invalidValue, "`defaults` are not written: \(problem.message) [\(problem.code)]")
        return true
    }

    /// Returns the key without indentation to which a line belongs.
    private static func topLevelKey(of text: String, line: Int) -> String? {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).prefix(line)
        let start = lines.last { line in
            guard let first = line.utf8.first else { return false }
            return first != UInt8(ascii: " ") && first != UInt8(ascii: "#")
        }
        return start.flatMap { $0.split(separator: ":").first.map(String.init) }
    }
}
