from jinja2.runtime import LoopContext, Macro, Markup, Namespace, TemplateNotFound, TemplateReference, TemplateRuntimeError, Undefined, escape, identity, internalcode, markup_join, missing, str_join
name = '7d'

def root(context, missing=missing):
    resolve = context.resolve_or_missing
    undefined = environment.undefined
    concat = environment.concat
    cond_expr_undefined = Undefined
    if 0: yield None
    l_0_notes = resolve('notes')
    try:
        t_1 = environment.filters['blocks']
    except KeyError:
        @internalcode
        def t_1(*unused):
            raise TemplateRuntimeError("No filter named 'blocks' found.")
    try:
        t_2 = environment.filters['entries']
    except KeyError:
        @internalcode
        def t_2(*unused):
            raise TemplateRuntimeError("No filter named 'entries' found.")
    try:
        t_3 = environment.filters['names']
    except KeyError:
        @internalcode
        def t_3(*unused):
            raise TemplateRuntimeError("No filter named 'names' found.")
    try:
        t_4 = environment.filters['requirements']
    except KeyError:
        @internalcode
        def t_4(*unused):
            raise TemplateRuntimeError("No filter named 'requirements' found.")
    pass
    yield '# '
    yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'title')))
    yield ' '
    yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'name')))
    yield '\n\n**Release Date:** '
    yield str(environment.finalize((environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on') or 'to be set')))
    yield '\n\n## Highlights\n<!-- tidegate:edit highlights -->\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'highlights')) or 'None')))
    yield '\n<!-- /tidegate:edit -->\n\n## Features\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'features')) or 'None')))
    yield '\n\n## Fixes\n'
    yield str(environment.finalize((t_2([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'security'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'fixes')]) or 'None')))
    yield '\n\n## Performance\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'performance')) or 'None')))
    yield '\n\n## Breaking Changes\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking')) or 'None')))
    yield '\n\n## Deprecations\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'deprecations')) or 'None')))
    yield '\n\n## Migration Guide\n<!-- tidegate:edit migration-guide -->\n'
    if (environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'migration_guide') or environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'upgrade_steps')):
        pass
        yield str(environment.finalize(t_1([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'migration_guide'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'upgrade_steps')])))
        yield '\n'
    elif environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking'):
        pass
        yield 'Not written yet, although there are breaking changes.\n'
    else:
        pass
        yield 'No migration required.\n'
    yield '<!-- /tidegate:edit -->\n\n## Dependencies\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'requires'):
        pass
        yield str(environment.finalize(t_4(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'requires'))))
        yield '\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'dependencies'):
        pass
        yield str(environment.finalize(t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'dependencies'))))
        yield '\n'
    elif (not environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'requires')):
        pass
        yield 'None\n'
    yield '\n## Known Issues\n<!-- tidegate:edit known-issues -->\n'
    yield str(environment.finalize((t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'known_issues')) or 'None')))
    yield '\n<!-- /tidegate:edit -->\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'remaining'):
        pass
        yield '\n## Other Changes\n'
        yield str(environment.finalize(t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'remaining'))))
        yield '\n'
    if environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'contributors'):
        pass
        yield '\n## Contributors\n'
        yield str(environment.finalize(t_3(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'contributors'))))
        yield '\n'

blocks = {}
debug_info = '2=37&4=41&8=43&12=45&15=47&18=49&21=51&24=53&28=55&29=57&30=59&38=66&39=68&41=70&42=72&43=74&49=78&51=80&54=83&56=85&59=88'
