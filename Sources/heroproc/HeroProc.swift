import ArgumentParser
import Foundation

@main
struct HeroProc: ParsableCommand {}
