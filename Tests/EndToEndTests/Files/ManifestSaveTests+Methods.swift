import Foundation
import Glibc
import Testing

extension ManifestSaveTests {
    /// One way to replace the text of a file.
    struct SaveMethod: Sendable, CustomTestStringConvertible {
        let name: String
        /// Receives the path of the file and the new text.
        let save: @Sendable (_ file: String, _ text: String) throws -> Void
        var testDescription: String { name }

        init(_ name: String, _ save: @escaping @Sendable (_ file: String, _ text: String) throws -> Void) {
            self.name = name
            self.save = save
        }
    }

    /// Writes a file in place and creates it if needed.
    static func writeFile(_ path: String, _ text: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        try #require(file >= 0, "\(path)")
        defer { close(file) }
        let bytes = Array(text.utf8)
        try #require(Glibc.write(file, bytes, bytes.count) == bytes.count)
    }

    static func move(_ from: String, _ to: String) throws { try #require(rename(from, to) == 0, "\(from)") }

    static func directory(_ file: String) -> String {
        URL(fileURLWithPath: file).deletingLastPathComponent().path
    }

    static func sibling(_ file: String, _ name: String) -> String { directory(file) + "/" + name }

    /// The system calls of the tools, as shown by strace(1).
    private static let systemCalls: [SaveMethod] = [
        SaveMethod("vim backupcopy=no") { file, text in
            try writeFile(sibling(file, "4913"), "")
            unlink(sibling(file, "4913"))
            try writeFile(sibling(file, ".web.yaml.swp"), "b0VIM")
            try move(file, file + "~")
            try writeFile(file, text)
            unlink(file + "~")
            unlink(sibling(file, ".web.yaml.swp"))
        },
        SaveMethod("vim backupcopy=yes") { file, text in
            try writeFile(file + "~", text)
            try writeFile(file, text)
            unlink(file + "~")
        },
        SaveMethod("vim backupcopy=auto, backup kept") { file, text in
            try writeFile(sibling(file, "4913"), "")
            unlink(sibling(file, "4913"))
            try move(file, file + "~")
            try writeFile(file, text)
        },
        SaveMethod("emacs") { file, text in
            symlink("someone@host.4711:1", sibling(file, ".#web.yaml"))
            try writeFile(sibling(file, "#web.yaml#"), "half of a te")
            try move(file, file + "~")
            try writeFile(file, text)
            unlink(sibling(file, "#web.yaml#"))
            unlink(sibling(file, ".#web.yaml"))
        },
        SaveMethod("nano with a backup") { file, text in
            try writeFile(file + ".save", "kind: Service\nname: ghost\n")
            try writeFile(file, text)
        },
        SaveMethod("gedit") { file, text in
            try writeFile(sibling(file, ".goutputstream-ABC123"), text)
            try move(sibling(file, ".goutputstream-ABC123"), file)
        },
        SaveMethod("JetBrains") { file, text in
            try writeFile(file + "___jb_tmp___", text)
            try move(file, file + "___jb_old___")
            try move(file + "___jb_tmp___", file)
            unlink(file + "___jb_old___")
        },
        SaveMethod("rsync") { file, text in
            try writeFile(sibling(file, ".web.yaml.Xa1B2c"), text)
            try move(sibling(file, ".web.yaml.Xa1B2c"), file)
        },
        SaveMethod("rsync --inplace") { file, text in
            let number = open(file, O_WRONLY | O_CLOEXEC)
            try #require(number >= 0)
            defer { close(number) }
            for (index, byte) in text.utf8.enumerated() {
                try #require(pwrite(number, [byte], 1, off_t(index)) == 1)
            }
            ftruncate(number, off_t(text.utf8.count))
        },
        SaveMethod("ansible") { file, text in
            try writeFile(sibling(file, ".ansible_tmpk3j2web.yaml"), text)
            try move(sibling(file, ".ansible_tmpk3j2web.yaml"), file)
        },
        SaveMethod("salt") { file, text in
            try writeFile(sibling(file, "__salt.tmp.x7d2"), text)
            try move(sibling(file, "__salt.tmp.x7d2"), file)
        },
        SaveMethod("dpkg") { file, text in
            try writeFile(file + ".dpkg-new", text)
            link(file, file + ".dpkg-tmp")
            try move(file + ".dpkg-new", file)
            unlink(file + ".dpkg-tmp")
        },
        SaveMethod("a hard link as backup, then in place") { file, text in
            try writeFile(file + ".bak", text)
            try writeFile(file, text)
        },
        SaveMethod("removed, and written again a second later") { file, text in
            unlink(file)
            usleep(1_000_000)
            try writeFile(file, text)
        },
        SaveMethod("emptied, and written a second later") { file, text in
            let number = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC)
            try #require(number >= 0)
            defer { close(number) }
            usleep(1_000_000)
            let bytes = Array(text.utf8)
            try #require(Glibc.write(number, bytes, bytes.count) == bytes.count)
        },
        SaveMethod("emptied and closed, and written a second later") { file, text in
            try writeFile(file, "")
            usleep(1_000_000)
            try writeFile(file, text)
        },
    ]

    /// The installed tools themselves.
    private static let tools: [SaveMethod] = [
        SaveMethod("cp") { file, text in
            try writeFile("\(directory(file))/../new", text)
            #expect(runShell("cp '\(directory(file))/../new' '\(file)'") == 0)
        },
        SaveMethod("mv") { file, text in
            try writeFile("\(directory(file))/../new", text)
            #expect(runShell("mv '\(directory(file))/../new' '\(file)'") == 0)
        },
        SaveMethod("sed -i") { file, text in
            let generation = text.firstMatch(of: /generation: \d+/).map { String($0.0) } ?? ""
            #expect(runShell("sed -i 's/generation: .*/\(generation)/' '\(file)'") == 0)
        },
        SaveMethod("patch") { file, text in
            try writeFile("\(directory(file))/../new", text)
            #expect(runShell("cd '\(directory(file))' && diff -u web.yaml ../new | patch -s web.yaml") == 0)
        },
        SaveMethod("vim") { file, text in
            let generation = text.firstMatch(of: /generation: \d+/).map { String($0.0) } ?? ""
            #expect(runShell("vim -u NONE -es -c '%s/generation: .*/\(generation)/' -c wq '\(file)'") == 0)
        },
        SaveMethod("git checkout") { file, text in
            try writeFile(file, text)
            let git = "git -c user.name=a -c user.email=a@b -C '\(directory(file))'"
            #expect(
                runShell(
                    "\(git) init -q && \(git) add -A && \(git) commit -qm new && \(git) rm -rq --cached . && rm -rf '\(directory(file))/.git'"
                ) == 0
            )
        },
    ]

    static let all =
        systemCalls
        + tools.filter { method in
            runShell("command -v \(method.name.split(separator: " ").first ?? "") && command -v diff") == 0
        }
}
