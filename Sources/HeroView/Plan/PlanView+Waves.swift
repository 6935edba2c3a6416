import HeroModel
import HeroPlan

extension PlanView {
    /// Names of one wave that are shown before the rest is counted.
    private static let nameLimit = 40
    /// Waves that are shown before the rest is counted.
    private static let waveLimit = 20

    /// Who stops and who starts side by side, wave by wave.
    func waves(_ plan: Plan) -> String {
        waves("stop", plan.stopWaves) + waves("start", plan.startWaves)
    }

    private func waves(_ title: String, _ waves: [[QualifiedName]]) -> String {
        let shown = isVerbose || waves.count <= Self.waveLimit ? waves[...] : waves.prefix(Self.waveLimit - 1)
        let numberWidth = String(shown.count).utf8.count
        var result = ""
        for (index, wave) in shown.enumerated() {
            let label = (index == 0 ? title : "").padded(to: 5) + "  "
            let number = String(index + 1).leftPadded(to: numberWidth) + ": "
            let indent = label.utf8.count + number.utf8.count
            result += label + number + wrapped(names(wave), indent: indent) + "\n"
        }
        let rest = waves.dropFirst(shown.count)
        if !rest.isEmpty {
            let services = counted(rest.reduce(0) { $0 + $1.count }, "service")
            result += "       ... and \(counted(rest.count, "more wave", "more waves")) of \(services) (-v shows all)\n"
        }
        return result
    }

    private func names(_ wave: [QualifiedName]) -> [StyledWord] {
        let shown = isVerbose ? wave[...] : wave.prefix(Self.nameLimit)
        var names = shown.map { StyledWord($0.description.printable) }
        if wave.count > shown.count {
            names.append(StyledWord("... and \(wave.count - shown.count) more (-v shows all)"))
        }
        return names
    }

    /// What is stopped to make room, before it happens.
    func reclaims(_ reclaims: [Reclaim]) -> String {
        list("To make room:", reclaims.map { ("\($0.service).\($0.action)", $0.text) }, .red)
    }

    /// Where the machine has left what was recorded.
    func drift(_ drift: [Drift]) -> String {
        list("Drift (not from a change of the files):", drift.map { ("\($0.service).\($0.action)", $0.text) }, .yellow)
    }

    private func list(_ title: String, _ lines: [(name: String, text: String)], _ ink: TextStyle) -> String {
        guard !lines.isEmpty else { return "" }
        let width = min(48, lines.map(\.name.printable.columns).max() ?? 0)
        var result = title + "\n"
        for line in lines {
            let name = line.name.printable.padded(to: width)
            let words = line.text.printable.split(separator: " ").map { StyledWord(String($0)) }
            result += "  \(style.paint(name, ink))  \(wrappedOnTerminal(words, indent: 4 + name.columns))\n"
        }
        return result
    }

    /// A word in an ink.
    struct StyledWord {
        var text: String
        var style: TextStyle?

        init(_ text: String, _ ink: TextStyle? = nil) {
            self.text = text
            self.style = ink
        }
    }

    /// Words with a blank between, wrapped only where there is a terminal: a file is searched line by line.
    func wrappedOnTerminal(_ words: [StyledWord], indent: Int) -> String {
        guard let width = style.width else {
            return words.map { style.paint($0.text, $0.style) }.joined(separator: " ")
        }
        // A column of reasons that would be too narrow to read goes below its name instead.
        let least = 24
        guard width - indent >= least else { return "\n        " + wrapped(words, indent: 8) }
        return wrapped(words, indent: indent)
    }

    /// Words with a blank between, further lines indented; no line is longer than the style says if words allow.
    func wrapped(_ words: [StyledWord], indent: Int) -> String {
        var result = ""
        var used = indent
        for word in words {
            let width = word.text.columns
            if used > indent, used + 1 + width > style.wrapWidth {
                result += "\n" + String(repeating: " ", count: indent)
                used = indent
            } else if used > indent {
                result += " "
                used += 1
            }
            result += style.paint(word.text, word.style)
            used += width
        }
        return result
    }
}
