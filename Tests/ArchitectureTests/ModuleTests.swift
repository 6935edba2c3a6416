import Testing

@Suite("The map of the house")
struct ModuleTests {
    @Test("every target below Sources has its row in the table")
    func everyTargetHasARow() throws {
        let known = Set(ModuleRule.table.map(\.name)).union(ModuleRule.cTargets.keys)
        let unknown = try Repository.modules().filter { !known.contains($0) }
        #expect(unknown.isEmpty, "without a row in ModuleRule.swift: \(unknown)")
    }

    @Test("a module imports only what its row allows", arguments: ModuleRule.table)
    func importsOnlyWhatIsAllowed(rule: ModuleRule) throws {
        guard let folder = Repository.folder(of: rule.name) else { return }
        for file in try Repository.files(below: folder, ending: ".swift") {
            for (module, line) in file.source.imports where !rule.allowedModules.contains(module) {
                Issue.record("\(file.path):\(line): \(rule.name) must not import \(module)")
            }
        }
    }

    @Test("the table has no circle")
    func tableHasNoCycle() {
        var remaining = Dictionary(uniqueKeysWithValues: ModuleRule.table.map { ($0.name, $0.internalModules) })
        while true {
            let free = remaining.filter { $0.value.isDisjoint(with: remaining.keys) }.map(\.key)
            if free.isEmpty { break }
            for name in free { remaining[name] = nil }
        }
        #expect(remaining.isEmpty, "they import each other: \(remaining.keys.sorted())")
    }

    @Test("the main file of a module opens with its law", arguments: ModuleRule.table)
    func mainFileStatesTheRule(rule: ModuleRule) throws {
        guard let folder = Repository.folder(of: rule.name) else { return }
        let candidates: [Repository.File]
        if let main = rule.mainFile {
            candidates = [try Repository.file("\(folder)/\(main)")]
        } else {
            candidates = try Repository.files(below: folder, ending: ".swift")
        }
        let laws = candidates.filter { $0.source.lines.first?.hasPrefix("// Law: ") == true }
        #expect(laws.count == 1, "\(folder): one file, the main one, begins with a line `// Law: ...`")
    }

    @Test("C targets include only the headers they may", arguments: ModuleRule.cTargets.keys.sorted())
    func cIncludes(target: String) throws {
        let ours = Set(ModuleRule.cTargets.keys)
        let allowed = (ModuleRule.cTargets[target] ?? []).union([target])
        guard let folder = Repository.folder(of: target) else { return }
        for file in try Repository.files(below: folder, ending: ".c", ".h") {
            for (header, line) in file.source.includes {
                let module = header.hasSuffix(".h") ? String(header.dropLast(2)) : header
                if ours.contains(module), !allowed.contains(module) {
                    Issue.record("\(file.path):\(line): \(target) must not include \(header)")
                }
            }
        }
    }

    @Test("public C headers include nothing that shows Swift a second view of libc")
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
