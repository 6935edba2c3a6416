import Testing

@Suite("Module rules")
struct ModuleTests {
    @Test("Every target below Sources has a row in the module table")
    func everyTargetHasARow() throws {
        let known = Set(ModuleRule.table.map(\.name)).union(ModuleRule.cTargets.keys)
        let unknown = try Repository.modules().filter { !known.contains($0) }
        #expect(unknown.isEmpty, "without a row in ModuleRule.swift: \(unknown)")
    }

    @Test("A module imports only the modules that its row allows", arguments: ModuleRule.table)
    func importsOnlyWhatIsAllowed(rule: ModuleRule) throws {
        guard let folder = Repository.folder(of: rule.name) else { return }
        for file in try Repository.files(below: folder, ending: ".swift") {
            for (module, line) in file.source.imports where !rule.allowedModules.contains(module) {
                Issue.record("\(file.path):\(line): \(rule.name) must not import \(module)")
            }
        }
    }

    @Test("The module table has no cycle")
    func tableHasNoCycle() {
        var remaining = Dictionary(uniqueKeysWithValues: ModuleRule.table.map { ($0.name, $0.internalModules) })
        while true {
            let free = remaining.filter { $0.value.isDisjoint(with: remaining.keys) }.map(\.key)
            if free.isEmpty { break }
            for name in free { remaining[name] = nil }
        }
        #expect(remaining.isEmpty, "they import each other: \(remaining.keys.sorted())")
    }

    @Test("The main file of a module begins with its rule", arguments: ModuleRule.table)
    func mainFileStatesTheRule(rule: ModuleRule) throws {
        guard let folder = Repository.folder(of: rule.name) else { return }
        let candidates: [Repository.File]
        if let main = rule.mainFile {
            candidates = [try Repository.file("\(folder)/\(main)")]
        } else {
            candidates = try Repository.files(below: folder, ending: ".swift")
        }
        let rules = candidates.filter { $0.source.lines.first?.hasPrefix("// Rule: ") == true }
        #expect(rules.count == 1, "\(folder): exactly one file, the main file, begins with `// Rule: ...`")
    }

    @Test("A C target includes only the headers that its row allows", arguments: ModuleRule.cTargets.keys.sorted())
    func cIncludes(target: String) throws {
        let known = Set(ModuleRule.cTargets.keys)
        let allowed = (ModuleRule.cTargets[target] ?? []).union([target])
        guard let folder = Repository.folder(of: target) else { return }
        for file in try Repository.files(below: folder, ending: ".c", ".h") {
            for (header, line) in file.source.includes {
                let module = header.hasSuffix(".h") ? String(header.dropLast(2)) : header
                if known.contains(module), !allowed.contains(module) {
                    Issue.record("\(file.path):\(line): \(target) must not include \(header)")
                }
            }
        }
    }

    @Test("Public C headers include only plain system headers")
    func publicHeadersArePlain() throws {
        for target in ModuleRule.cTargets.keys.sorted() where Repository.has("Sources/\(target)/include") {
            for file in try Repository.files(below: "Sources/\(target)/include", ending: ".h") {
                for (header, line) in file.source.includes
                where !ModuleRule.plainHeaders.contains(header) && !header.hasPrefix("CHero") {
                    Issue.record("\(file.path):\(line): include <\(header)> in the .c file instead")
                }
            }
        }
    }
}
