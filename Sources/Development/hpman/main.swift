// Rule: read the help of the commands, write the manual pages, exit with a code.

import Foundation
import HeroManual

// hpman DIRECTORY VERSION HELP...: writes the pages of the programs whose `--experimental-dump-help` is in the files
// HELP to DIRECTORY/man1 and DIRECTORY/man5.
let arguments = CommandLine.arguments.dropFirst().map { $0 }
guard arguments.count > 2 else {
    FileHandle.standardError.write(Data("usage: hpman DIRECTORY VERSION HELP...\n".utf8))
    exit(64)
}
let help = try arguments.dropFirst(2).map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
for page in try HeroManual.pages(help: help, version: arguments[1]) {
    let folder = URL(fileURLWithPath: arguments[0]).appending(path: "man\(page.file.last.map(String.init) ?? "1")")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(page.text.utf8).write(to: folder.appending(path: page.file))
}
