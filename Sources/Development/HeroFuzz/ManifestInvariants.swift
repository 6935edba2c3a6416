internal import FoundationEssentials
internal import HeroManifest
internal import HeroModel

/// The invariants of the manifest reader, for any bytes.
enum ManifestInvariants {
    /// Reads bytes; returns the violated invariants and whether the bytes are a valid set of manifests.
    static func check(_ bytes: [UInt8]) -> (violations: [String], isValid: Bool) {
        let result = read(bytes)
        var found = violations(result.diagnostics, of: bytes)
        let hasErrors = result.diagnostics.contains { $0.severity == .error }
        if (result.desired == nil) != hasErrors {
            found.append("a result has both errors and a desired state, or neither")
        }
        let again = read(bytes)
        if again.diagnostics != result.diagnostics || again.desired != result.desired {
            found.append("reading twice gives different results")
        }
        if let desired = result.desired { found += violations(desired, of: bytes) }
        return (found, !hasErrors)
    }

    private static func read(_ bytes: [UInt8]) -> ManifestResult {
        let file = ManifestFile(path: "x.yaml", baseDirectory: "/srv/x", bytes: bytes)
        return Manifests.read([file], options: ManifestOptions(requiresCore: false))
    }

    // MARK: Diagnostics

    private static func violations(_ diagnostics: [Diagnostic], of bytes: [UInt8]) -> [String] {
        var found: [String] = []
        if diagnostics != diagnostics.sorted() { found.append("diagnostics are not sorted by location") }
        // 100 errors, 100 warnings and one summary of each for the file, the same again for the set, and some spare.
        if diagnostics.count > 410 { found.append("there are \(diagnostics.count) diagnostics") }
        let widths = diagnostics.isEmpty ? [] : lineWidths(bytes)
        for diagnostic in diagnostics {
            let name = "\(diagnostic.code) at \(diagnostic.location.map(\.description) ?? "no location")"
            found += violations(diagnostic, widths).map { "\(name): \($0)" }
        }
        return found
    }

    private static func violations(_ diagnostic: Diagnostic, _ widths: [Int]) -> [String] {
        var found: [String] = []
        if DiagnosticCode(rawValue: diagnostic.code) == nil { found.append("the code is unknown") }
        if diagnostic.help?.isEmpty != false { found.append("it has no help") }
        if diagnostic.message.contains("\n") || !isPrintable(diagnostic.message) {
            found.append("the message is not one line")
        }
        if diagnostic.length < 1 { found.append("its caret has no width") }
        guard let location = diagnostic.location else { return found + ["it has no location"] }
        for location in [location] + diagnostic.notes.map(\.location) where !isInsideFile(location, widths) {
            found.append("\(location) is not inside the file")
        }
        for excerpt in [diagnostic.excerpt] + diagnostic.notes.map(\.excerpt) where excerpt.map(isPrintable) == false {
            found.append("its excerpt contains a control character")
        }
        let end = location.column &+ diagnostic.length &- 1
        if let excerpt = diagnostic.excerpt, end > max(location.column, excerpt.unicodeScalars.count) {
            found.append("its caret extends past the end of its line")
        }
        return found
    }

    private static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0 == "\t" || !($0.value < 32 || (127..<160).contains($0.value)) }
    }

    /// Whether a location is inside the file; the column after the last character of a line counts as inside.
    private static func isInsideFile(_ location: ManifestLocation, _ widths: [Int]) -> Bool {
        location.line >= 1 && location.line <= widths.count && location.column >= 1
            && location.column <= widths[location.line - 1] + 1
    }

    /// Returns the number of characters of each line; YAML 1.1 defines the line ends.
    private static func lineWidths(_ bytes: [UInt8]) -> [Int] {
        var widths = [0]
        var rest = bytes[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        while let first = rest.first {
            let next = rest.dropFirst()
            var width = 1
            if first == 0x0D, next.first == 0x0A {
                width = 2
            } else if first == 0xC2, next.first == 0x85 {
                width = 2
            } else if rest.starts(with: [0xE2, 0x80, 0xA8]) || rest.starts(with: [0xE2, 0x80, 0xA9]) {
                width = 3
            } else if first != 0x0A, first != 0x0D {
                if first & 0xC0 != 0x80 { widths[widths.count - 1] += 1 }
                rest = next
                continue
            }
            widths.append(0)
            rest = rest.dropFirst(width)
        }
        return widths
    }

    // MARK: Valid sets

    /// Checks that a byte order mark and a round trip through JSON change nothing about a valid set.
    private static func violations(_ desired: DesiredState, of bytes: [UInt8]) -> [String] {
        var found: [String] = []
        if !bytes.starts(with: [0xEF, 0xBB, 0xBF]), read([0xEF, 0xBB, 0xBF] + bytes).desired != desired {
            found.append("a byte order mark changes the desired state")
        }
        for (name, declared) in desired.services {
            let spec = declared.spec
            if spec.name != name { found.append("\(name) is stored under another name") }
            guard let stored = try? JSONEncoder().encode(spec),
                let loaded = try? JSONDecoder().decode(ServiceSpec.self, from: stored)
            else {
                found.append("\(name) cannot be stored and loaded")
                continue
            }
            if loaded != spec || CanonicalSpec(loaded) != CanonicalSpec(spec) {
                found.append("\(name) changes when it is stored and loaded")
            }
            // Every location of a field is inside the file that was read.
            for location in declared.fieldLocations.values
            where location.file != "x.yaml" || location.line < 1 || location.column < 1 {
                found.append("\(name) has a field at \(location)")
            }
        }
        return found
    }
}
