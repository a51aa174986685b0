def f( a,b ) :
    return {  'a':1,
 'b':[x for x in range(3)],  "c":  (yield a) }
class A  :
  def g(self): 
     async def k(): await b(  * a , ** {'x' : 1} )
     with open( 'f' ) as f , open ( "g" ) as g : return lambda x  : x [ 1 : 2 ]
assert some_function_name (argument_one, argument_two)[0] == {'a_key': 'a value'}, "a long message that says what is wrong"
